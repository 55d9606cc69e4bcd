"""How a scene is planned and drawn, and the two worlds made of such scenes."""
