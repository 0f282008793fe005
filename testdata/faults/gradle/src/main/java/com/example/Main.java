package com.example;

import javax.annotation.Nonnull;
import javax.inject.Inject;

/** Uses two packages. */
public class Main {
    @Inject @Nonnull private String nothing = "";

    public static void main(String[] args) {
        System.out.println(new Main().nothing);
    }
}
