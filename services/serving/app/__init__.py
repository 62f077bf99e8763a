"""Joins the parts: `worker` answers predictions, `challenger` scores beside them."""
