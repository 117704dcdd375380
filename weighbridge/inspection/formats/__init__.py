"""One validator for each format on the list: a function from a bounded reader to findings."""
