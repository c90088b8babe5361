"""Defects planted into good artifacts, one at a time, which an evaluation must catch and name; and
harmless changes, which it must pass.

``python -m tests.eval.planting`` plants all of them and prints the score. After each planting the
manifest is signed anew, so that its hashes are right and fidelity has to catch the defect.
"""
