"""The physics of each lesson: its words, its controls, and the view that they give."""
