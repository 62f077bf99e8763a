"""The words, bodies and stream entries that processes exchange. Changing one is changing a wire."""
