"""What-if: time, plans, changed facts, arithmetic, words."""
