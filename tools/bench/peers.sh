drain_peers() { :; }
pickup_peers() { :; }
