"""The drills: every fault and a quiet hour, with the real alerting, measured."""
