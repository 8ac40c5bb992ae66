"""What both sides of every door agree on. Imports nothing of ours."""
