"""PMML files read as data: checked before any Java sees them, evaluated in a process that is started once and kept."""
