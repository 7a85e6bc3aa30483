"""Articles: by what one is recognised, and how what several sources say of it becomes one item."""
