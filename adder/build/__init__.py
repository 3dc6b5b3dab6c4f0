"""Steps of the build: configuration, manifests, Capsule Python into C, types of the kernel's Python."""
