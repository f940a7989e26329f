"""Options and stock of one class group, grouped to the least requirement that the rule permits.

Here belong the groups there are, what each requires, and the search for the least. Rules: FINRA
4210(f)(2) and 220.12 of Regulation T.

Others use:
    choices: Choices
    drafts: draft_of
    group_lines: strategy_rates
    grouping: PROOF, WORK, requirement, write_alone
    grouping_parts: Part, alone, labels, positions
    grouping_program: boxes_of, common_lot, program_of
    least_groups: is_large, least_requirements
    problems: Problems, makes_group, own_lines, problems_of, run_end
    solutions: least_grouping
    spreads: Layout, layout_of
    strategic: Strategic, strategic_requirements
    strategies: NONE, Records
    strategy_groups: strategy_groups
"""
