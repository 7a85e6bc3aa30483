"""The demo: the main job on made-up records. It stands above all rooms and may use each of them."""
