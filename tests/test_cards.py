"""Model cards: what the Hub reads in them, and that no foreign text gets a meaning of its own."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sklearn.linear_model import LinearRegression, LogisticRegression

import modelkeep as mk
from modelkeep.artifact import MANIFEST, FileEntry, Manifest
from modelkeep.errors import UsageError
from modelkeep.registry import markup
from modelkeep.registry.cards import CARD_BYTES, card, check_card
from modelkeep.registry.records import Row
from modelkeep.registry.version import Version

#: As the Hub's own server looks for front matter.
HUB = re.compile(r"\A(\s*---[\r\n]+)([\S\s]*?)([\r\n]+---(?:\r\n|\n|\Z))")
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
X = pd.DataFrame({"width": [1.0, 2.0, 3.0, 4.0], "kind": pd.Categorical(["a", "b", "a", "b"])})
HOSTILE = """</summary><script>x</script> | a `b` *c* _d_ [e](f) ![g](h) ~~i~~ &lt; "j" \\ ''
---
license: mit
# k
```
- l\u2028m \x1b[31m \u202e"""


@pytest.fixture(scope="module")
def registry():
    made = mk.Registry("memory://", author="ada")
    wide = LogisticRegression().fit(X[["width"]], [0, 1, 0, 1])
    tags = {"license": "mit", "dataset": "me/flowers", "stage": "prod"}
    made.save("iris", wide, sample=X[["width"]], metrics={"accuracy": 0.97, "loss": 1e-7}, message="first", tags=tags)
    made.save("line", LinearRegression().fit(np.eye(3), [1, 2, 3]), sample=np.eye(3))
    made.save("table", {"a": 1.5})
    return made


def front(text):
    return yaml.safe_load(HUB.match(text)[2])


def body(text):
    return text[HUB.match(text).end() :]


def manifest(**fields):
    plain = {"modelkeep": 1, "format": "keep", "framework": "sklearn", "model": "a.B", "files": {}}
    return msgspec.convert(plain | fields, Manifest)


def version(**fields):
    plain = {"time": "2026-01-02T03:04:05.678Z", "author": "ada", "message": "", "tags": {}, "metrics": {}}
    rest = {"number": 3, "parent": "", "artifact": "blake3:" + "0" * 64, "size": 1234, "model": "a.B"}
    return Version.of("iris", msgspec.convert(plain | rest | {"framework": "sklearn"} | fields, Row))


# -- what the Hub reads ------------------------------------------------------------------------------------------------


def test_the_front_matter_has_the_keys_of_the_hub(registry):
    assert front(registry.card("iris")) == {
        "license": "mit",
        "library_name": "sklearn",
        "pipeline_tag": "tabular-classification",
        "tags": ["modelkeep", "sklearn", "dataset=me/flowers", "stage=prod"],
        "metrics": ["accuracy", "loss"],
        "model-index": [
            {
                "name": "iris",
                "results": [
                    {
                        "task": {"type": "tabular-classification"},
                        "dataset": {"type": "me/flowers", "name": "me/flowers"},
                        "metrics": [
                            {"type": "accuracy", "value": 0.97, "name": "accuracy"},
                            {"type": "loss", "value": 1e-7, "name": "loss"},
                        ],
                    }
                ],
            }
        ],
    }


def test_what_nobody_said_is_left_out(registry):
    found = front(registry.card("line"))
    assert found == {"library_name": "sklearn", "pipeline_tag": "tabular-regression", "tags": ["modelkeep", "sklearn"]}
    assert front(registry.card("table")) == {"library_name": "modelkeep", "tags": ["modelkeep"]}


@pytest.mark.parametrize("name", ["", "our flowers", "a/b/c", "blüte"])
def test_the_type_of_a_data_set_has_the_form_that_the_hub_asks_for(name):
    found = front(card(manifest(), version(tags={"dataset": name}, metrics={"f1": 1})))
    (result,) = found["model-index"][0]["results"]
    assert result["dataset"] == {"type": "unknown", "name": name or "not named"}


@pytest.mark.parametrize(
    ("schema", "task"),
    [
        ({"kind": "text", "classes": [0, 1]}, "text-classification"),
        ({"kind": "text"}, None),
        ({"kind": "array", "shape": [None, 8, 8], "classes": [0, 1]}, None),
        ({"kind": "array", "shape": [None, 8], "outputs": {"predict": {"dtype": "int64"}}}, None),
        ({"kind": "array", "shape": [None, 8], "outputs": {"predict": {"dtype": "float32"}}}, "tabular-regression"),
    ],
)
def test_the_task_is_told_by_the_schema(schema, task):
    assert front(card(manifest(schema=schema), version())).get("pipeline_tag") == task


@settings(deadline=None)
@given(st.text(), st.floats(allow_nan=False, allow_infinity=False), st.integers())
@example("\u2028\x85\ud7ff\U0001f600\x7f", 1e16, 0)
@example("no", -0.0, 1)
def test_yaml_gives_back_what_was_put_in(text, number, whole):
    value = {"a": text, "b": [{"c": number, "d": [text, "true"]}, {"e": {"f": whole}}]}
    lines = list(markup.yaml(value))
    assert yaml.safe_load("\n".join(lines)) == value
    assert not any("\n" in line for line in lines)


# -- what people read --------------------------------------------------------------------------------------------------


def test_the_text_says_what_it_is_and_how_to_load_it(registry):
    text = body(registry.card("iris"))
    v = registry.version("iris")
    for part in (
        "# iris, version 1",
        "`sklearn.linear_model._logistic.LogisticRegression`",
        v.digest,
        'model = registry.load("iris:1")',
        "| `width` | `float64` |",
        "| `predict` | `array`, type: `int64`, shape: `(rows)` |",
        "Classes: `0`, `1`.",
        "| `accuracy` | `0.97` |",
        f"- numpy: `{np.__version__}`",
        "<details>",
        f"Registered {v.time} by ada: first",
        "modelkeep env iris:1 --create DIR",
    ):
        assert part in text
    rows = registry.artifact("iris").manifest.probe["rows"]
    assert f"It carries {rows} rows and the answers that `decision_function`, `predict`" in text


def test_the_code_in_a_card_runs(registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    registry.copy("line", "models")
    code = re.search(r"```python\n(.*?)```", registry.card("line"), re.DOTALL)[1]
    assert len(code.splitlines()) == 3
    names = {}
    exec(code, names)
    assert isinstance(names["model"], LinearRegression)


def test_a_reader_is_told_what_to_trust():
    facts = {"classes": [], "own": ["mine:Scaler", 'x"]), print(":y']}
    text = card(manifest(facts=facts), version())
    assert """registry.load("iris:3", policy=mk.Policy(trust=["mine.Scaler", 'x"]), print(".y']))""" in text
    assert "must have and trust: `mine.Scaler`, " in text
    files = {"code/mine/__init__.py": FileEntry(1, "blake3:0"), MANIFEST: FileEntry(1, "blake3:0")}
    text = card(msgspec.structs.replace(manifest(facts={"own": ["mine:Scaler"]}), files=files), version())
    assert "policy=mk.Policy(allow_code=True)" in text
    assert "read it first" in text


def test_equal_inputs_give_equal_text():
    first = card(manifest(), version(tags={"a": "1", "b": "2"}, metrics={"x": 1.0, "y": 2}))
    assert first == card(manifest(), version(tags={"b": "2", "a": "1"}, metrics={"y": 2, "x": 1.0}))


def test_long_tables_are_cut():
    columns = [{"name": f"c{i}", "dtype": "float64"} for i in range(1000)]
    text = card(manifest(schema={"kind": "table", "columns": columns}), version(message="m " * 5000))
    assert "And 900 more." in text
    assert len(text) < 10_000
    assert check_card(text) == text


# -- foreign text ------------------------------------------------------------------------------------------------------


def hostile(text):
    """A card with ``text`` wherever a file or a caller may put one."""
    column = {"name": text, "dtype": text, "categories": [text], "missing": text}
    schema = {"kind": text, "dtype": text, "shape": [None, text], "columns": [column], "classes": [text]}
    schema["outputs"] = {text: {"kind": text, "dtype": text, "shape": [text], "columns": [text]}}
    made = manifest(
        framework=text,
        model=text,
        schema=schema,
        probe={"rows": 1, "methods": [text], "notes": [text]},
        facts={"classes": [text], "own": [text]},
    )
    texts = {"author": text, "message": text, "time": text, "parent": text, "origin": text}
    keys = dict.fromkeys(("license", "dataset", "base_model", text), text)
    return card(made, version(tags=keys, metrics={text: 1.5}, **texts))


def check_harmless(text):
    """Front matter of the known keys, and a body that has the structure of one with plain words in it."""
    found = front(text)
    assert set(found) <= {"license", "base_model", "library_name", "tags", "metrics", "model-index"}
    shape = [token.type for token in MARKDOWN.parse(body(text))]
    assert shape == [token.type for token in MARKDOWN.parse(body(hostile("plain")))]
    for token in MARKDOWN.parse(body(text)):
        assert {child.type for child in token.children or ()} <= {"text", "code_inline", "softbreak", "text_special"}
        assert token.type != "html_block" or "summary>All" in token.content or token.content == "</details>"


@settings(deadline=None, max_examples=50)
@given(st.text(alphabet=st.sampled_from("a|`*_[](){}<>!~#&\\-\"' \n\r\t\u2028\x1b$:=+.1"), min_size=1))
@example(HOSTILE)
@example("\n---\n\n# x")
@example("`")
@example("a\\")
def test_foreign_text_stays_text(text):
    check_harmless(hostile("x" + text))


def test_the_judge_of_harmless_text_sees_harm():
    good = hostile("plain")
    check_harmless(good)
    for bad in ("<b>", "*x*", "[x](y)", "`a` | `b`", "x\n\n# y", "![x](y)"):
        with pytest.raises(AssertionError):
            check_harmless(good.replace("Kind: `plain`", f"Kind: <i>{bad}"))


json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["kind", "dtype", "shape", "columns", "missing", "classes", "class_count", "outputs"])


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(KEYS, json))
def test_any_schema_gives_a_card(schema):
    text = card(manifest(schema=schema), version())
    assert check_card(text) == text


# -- edited cards ------------------------------------------------------------------------------------------------------


def test_an_edited_card_is_kept_and_an_empty_one_brings_the_generated_back(registry):
    made = registry.card("line")
    registry.set_card("line", made.replace("line, version", "the line, version"))
    assert "# the line, version 1" in registry.card("line")
    registry.set_card("line", "")
    assert registry.card("line") == made


def test_an_editor_may_write_windows_line_ends():
    assert check_card("\ufeff---\r\na: b\r\n---\r\nc\r\n") == "---\na: b\n---\nc\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin with front matter"),
        ("# title\n---\na: b\n---\n", "does not begin with front matter"),
        ("---\na: b\n--- \n", "does not begin with front matter that closes"),
        ("---\n---\n", "is empty"),
        ("---\na: \0\n---\n", "zero byte"),
        ("---\na: \ud800\n---\n", "not UTF-8 at character 7"),
        ("---\na: b\n---\n" + "ö" * (CARD_BYTES // 2), "has 262,157 bytes"),
        (b"---\na: b\n---\n", "is a text, not a bytes"),
    ],
)
def test_what_the_hub_could_not_read_is_refused(text, said):
    with pytest.raises(UsageError, match=said) as caught:
        check_card(text)
    assert caught.value.hint


def test_a_card_that_passes_is_one_that_the_hub_reads():
    text = check_card("---\na: b\n---\nc\n---\n")
    assert front(text) == {"a": "b"}
