"""Watch what happens in a cluster: waits that explain, inventories before and after."""
