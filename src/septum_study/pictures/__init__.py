"""Pictures that compare methods: overlays, meshes, agreement plots and curves."""
