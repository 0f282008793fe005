fn main() {
    println!("cargo:rerun-if-changed=names.txt");
    let names = std::fs::read_to_string("names.txt").expect("reading names.txt");
    println!("cargo:rustc-env=NAMES={}", names.lines().collect::<Vec<_>>().join(" and "));
}
