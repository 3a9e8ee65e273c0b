"""What the tests run in the child beside Java."""

from __future__ import annotations

from modelkeep.pmml import engines, java


def verify(data: bytes) -> str:
    """What jpmml-evaluator's own verification says of a file."""
    jpype_class = java.start(engines.jars())
    from jpype import JException

    stream = jpype_class("java.io.ByteArrayInputStream")(data)
    try:
        jpype_class("org.jpmml.evaluator.LoadingModelEvaluatorBuilder")().load(stream).build().verify()
    except JException as error:
        return java.causes(error)[0]
    return "verified"


def converter_jars() -> list[str]:
    from modelkeep.formats.pmml import convert

    return convert.jars()
