mod clock;
mod ours;
fn main() {
    ours::micro();
}
