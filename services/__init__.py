"""What runs: one folder, one service, one image. Services never import each other."""
