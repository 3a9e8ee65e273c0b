"""TEMPORARY"""
def checks_for(cls): return ()
def check_object(obj, allow_regex): pass
