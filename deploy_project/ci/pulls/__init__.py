"""The open pull requests: their finders, the sensor's plan, memory and bell."""
