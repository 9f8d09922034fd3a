package everspan.bench;

import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.JoinFunction;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.functions.ReduceFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Queries after Nexmark's, on events of five numbers: not comparable with official Nexmark figures. */
final class Nexmark {
    private Nexmark() {}

    static void build(String query, DataStream<Event> events) {
        switch (query) {
            case "q0" -> passThrough(events);
            case "q1" -> convertCurrency(events);
            case "q2" -> selectAuctions(events);
            case "q5" -> hottestAuctions(timed(events));
            case "q8" -> newSellers(timed(events));
            default -> throw new IllegalArgumentException("no workload " + query);
        }
    }

    private static DataStream<Event> timed(DataStream<Event> events) {
        return events.assignTimestampsAndWatermarks(
            WatermarkStrategy.<Event>forMonotonousTimestamps().withTimestampAssigner((event, before) -> event.ts));
    }

    private static void passThrough(DataStream<Event> events) {
        events.filter(Event::isBid)
            .map(new Same())
            .addSink(new Counting<>(bid -> Mix.record(bid.ts, bid.person, bid.auction, bid.price)));
    }

    private static void convertCurrency(DataStream<Event> events) {
        events.filter(Event::isBid)
            .map(new InEuro())
            .addSink(new Counting<>(bid -> Mix.record(bid.f0, bid.f1, Double.doubleToRawLongBits(bid.f2), bid.f3)));
    }

    private static void selectAuctions(DataStream<Event> events) {
        events.filter(event -> event.isBid() && event.auction % 123 == 0)
            .map(new AuctionAndPrice())
            .addSink(new Counting<>(bid -> Mix.record(bid.f0, bid.f1, 0, 0)));
    }

    private static void hottestAuctions(DataStream<Event> events) {
        events.filter(Event::isBid)
            .keyBy(bid -> bid.auction, Types.LONG)
            .window(SlidingEventTimeWindows.of(Duration.ofSeconds(10), Duration.ofSeconds(2)))
            .aggregate(new Count(), new WithWindowEnd())
            .keyBy(count -> count.f0, Types.LONG)
            .window(TumblingEventTimeWindows.of(Duration.ofSeconds(2)))
            .reduce(new Hottest())
            .addSink(new Counting<>(count -> Mix.record(count.f0, count.f1, count.f2, 0)));
    }

    private static void newSellers(DataStream<Event> events) {
        DataStream<Event> persons = events.filter(event -> event.kind == Event.PERSON);
        DataStream<Event> auctions = events.filter(event -> event.kind == Event.AUCTION);
        persons.join(auctions)
            .where(person -> person.person, Types.LONG)
            .equalTo(auction -> auction.person, Types.LONG)
            .window(TumblingEventTimeWindows.of(Duration.ofSeconds(10)))
            .apply(new SellerAndAuction())
            .addSink(new Counting<>(pair -> Mix.record(pair.f0, pair.f1, 0, 0)));
    }

    public static final class Same implements MapFunction<Event, Event> {
        @Override
        public Event map(Event bid) {
            return bid;
        }
    }

    public static final class InEuro implements MapFunction<Event, Tuple4<Long, Long, Double, Long>> {
        private final Tuple4<Long, Long, Double, Long> converted = new Tuple4<>();

        @Override
        public Tuple4<Long, Long, Double, Long> map(Event bid) {
            converted.setFields(bid.auction, bid.person, bid.price * 0.908, bid.ts);
            return converted;
        }
    }

    public static final class AuctionAndPrice implements MapFunction<Event, Tuple2<Long, Long>> {
        @Override
        public Tuple2<Long, Long> map(Event bid) {
            return Tuple2.of(bid.auction, bid.price);
        }
    }

    public static final class Count implements AggregateFunction<Event, Long, Long> {
        @Override
        public Long createAccumulator() {
            return 0L;
        }

        @Override
        public Long add(Event bid, Long count) {
            return count + 1;
        }

        @Override
        public Long getResult(Long count) {
            return count;
        }

        @Override
        public Long merge(Long a, Long b) {
            return a + b;
        }
    }

    /** (end of the window, auction, bids). */
    public static final class WithWindowEnd
            extends ProcessWindowFunction<Long, Tuple3<Long, Long, Long>, Long, TimeWindow> {
        @Override
        public void process(Long auction, Context context, Iterable<Long> counts, Collector<Tuple3<Long, Long, Long>> out) {
            out.collect(Tuple3.of(context.window().getEnd(), auction, counts.iterator().next()));
        }
    }

    /** The most bids win; of equals the auction with the smaller number, whichever came first. */
    public static final class Hottest implements ReduceFunction<Tuple3<Long, Long, Long>> {
        @Override
        public Tuple3<Long, Long, Long> reduce(Tuple3<Long, Long, Long> a, Tuple3<Long, Long, Long> b) {
            int bids = Long.compare(a.f2, b.f2);
            return bids > 0 || bids == 0 && a.f1 < b.f1 ? a : b;
        }
    }

    public static final class SellerAndAuction implements JoinFunction<Event, Event, Tuple2<Long, Long>> {
        @Override
        public Tuple2<Long, Long> join(Event person, Event auction) {
            return Tuple2.of(person.person, auction.auction);
        }
    }
}
