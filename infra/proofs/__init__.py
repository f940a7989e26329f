"""What needs CDK, scanners or an emulator to be proven: `make infra` runs it."""
