"""Initial margin of one netting set: SIMM and schedule from CRIF, historical, SPAN-like and flat models.

It knows sensitivities, notionals and factors' histories. Parameters are dated: the rulebook families
`simm` and `schedule_im`; the models of clearing houses are parameters of the book that names them.
"""
