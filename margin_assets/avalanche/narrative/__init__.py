"""The answers in sentences: written from the figures alone, by template or by a language model.

Whoever writes is given the figures as text and may state no other number. Nothing depends on it.
"""
