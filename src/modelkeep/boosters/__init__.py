"""Files of the boosting libraries: read by parsers of our own, checked, and written anew before a library sees them."""
