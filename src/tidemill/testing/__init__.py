"""For tests of Tidemill and of extensions: the contract suite, factories, servers, faults."""
