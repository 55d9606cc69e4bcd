"""``mumic train``: the loss, the step, the loop, and what keeps them safe."""
