"""The story on real data: train two models, register, deploy, drift, promote, roll back."""
