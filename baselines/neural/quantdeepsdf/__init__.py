"""QuantDeepSDF: one quantised multilayer perceptron for a set of shapes, evaluated point by point."""
