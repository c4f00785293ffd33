stop_old_transaction() { :; }
workload_depth() { :; }
