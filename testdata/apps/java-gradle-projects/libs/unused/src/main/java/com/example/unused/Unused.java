package com.example.unused;

/** A module that no service needs. */
public final class Unused {
    private Unused() {}
}
