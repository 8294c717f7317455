"""What the tests of expressions stand on: results, a generator, and values written so that all of their types show."""
