"""The hourly loop over blocks of sixteen paths, in compiled parts; arrays hold paths last."""
