"""The main job on 30,000 real card customers with synthetic identities."""
