"""From a Program to source text: what every backend's emitter shares."""
