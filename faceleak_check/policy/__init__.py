"""From a YAML file to a typed `Policy`, or to every problem in it with line and column."""
