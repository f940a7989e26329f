"""The deployment on AWS as stacks: network, lake, state, services, alarms, made in this order.

Here belongs what CloudFormation is told, as its own resource types, so that a template holds
what was written and nothing that a library adds. Needs the extra `infra`; the product imports none
of it.
"""
