"""`torch.optim`のうち、講義で使う`SGD`."""
