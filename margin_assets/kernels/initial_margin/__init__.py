"""Initial margin of one netting set: SIMM and schedule from CRIF, models of clearing houses.

It knows sensitivities, notionals and factors' histories. Parameters are dated: the rulebook
families `simm` and `schedule_im`; a clearing house's are in the book that names its model, and in
`clearing`.
"""
