"""The pages of docs/ that are generated from declarations in the code."""
