"""Line-drawing widgets. Attributes down, messages up; none knows another or the factory."""
