"""The protocol of a run: splits, samples, orders, and the predictions it leaves."""
