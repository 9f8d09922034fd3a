package everspan.bench;

import org.apache.flink.util.Collector;

/**
 * In every 50 events one person, three auctions and 46 bids; ten events in a millisecond of event time. Of p subtasks,
 * subtask s makes the events c·p + s, so that event time goes forward evenly in all of them.
 */
final class Events extends Batch<Event> {
    private final Event event = new Event();
    private final long recordsOfSubtask;
    private final int parallelism;

    Events(long events, int parallelism) {
        this.recordsOfSubtask = events / parallelism;
        this.parallelism = parallelism;
    }

    @Override
    protected void emit(long number, Collector<Event> out) {
        fill(number % recordsOfSubtask * parallelism + number / recordsOfSubtask);
        out.collect(event);
    }

    private void fill(long i) {
        long epoch = i / 50;
        long place = i % 50;
        long random = Mix.positive(i);
        long auctions = epoch * 3;
        event.ts = i / 10;
        event.auction = -1;
        event.price = 0;
        if (place == 0) {
            event.kind = Event.PERSON;
            event.person = epoch;
        } else if (place < 4) {
            event.kind = Event.AUCTION;
            event.auction = auctions + place - 1;
            event.person = Math.max(0, epoch - random % 100);
        } else {
            event.kind = Event.BID;
            event.auction = (random & 1) == 0 ? auctions / 100 * 100 : Math.max(0, auctions - (random >>> 8) % 100);
            event.person = Math.max(0, epoch - (random >>> 24) % 1000);
            event.price = 100 + (random >>> 33) % 10000;
        }
    }
}
