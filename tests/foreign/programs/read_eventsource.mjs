// Reads a stream with npm's eventsource and prints the name, the id and the data of every event.
import { EventSource } from "eventsource";
import { collect } from "../collect.js";

collect(EventSource, process.argv[2], console.log);
