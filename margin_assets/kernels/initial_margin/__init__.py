"""Initial margin of one netting set: SIMM and schedule from CRIF, and the models of clearing houses.

It knows sensitivities, notionals and factors' histories. Parameters are dated: the rulebook families
`simm` and `schedule_im`; the models of clearing houses are parameters of the book that names them.
"""
