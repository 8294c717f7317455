"""Argo's analysis templates, read and judged as Argo does: pure data and rules, told apart from how they are measured.

`template` is the object as it is stored, `flatten` makes one analysis of all that are referenced, `arguments` and
`substitution` fill it in, `validate` says what is wrong with it. `phase`, `counting`, `schedule` and `verdict` judge.
"""
