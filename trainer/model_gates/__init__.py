"""Gates on a trained network: what does it answer where only one thing about an image is changed?"""
