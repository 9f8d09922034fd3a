package everspan.bench;

/** A person, an auction or a bid; fields that a kind does not have are 0 or -1. */
public final class Event implements java.io.Serializable {
    public static final int PERSON = 0;
    public static final int AUCTION = 1;
    public static final int BID = 2;

    public int kind;
    public long ts;
    public long person;
    public long auction;
    public long price;

    boolean isBid() {
        return kind == BID;
    }
}
