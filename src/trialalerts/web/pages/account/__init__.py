"""The pages that belong to one subscriber: the settings, the data kept, leaving, moving, links sent anew."""
